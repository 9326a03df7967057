export { Wake } from '../manager/model/util/wake.ts';
