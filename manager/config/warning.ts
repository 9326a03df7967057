import { describeObject } from '../model/config/object.ts';
import type { FieldError } from '../model/util/errors.ts';

/** Something that is right by itself and will probably not do what was meant. */
export interface ConfigWarning extends FieldError {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** It is for a service or workload that is not known, and may be yet to come. */
  readonly early?: true;
}

/** Tells of something in the object that is looked at. @param early see {@link ConfigWarning}. */
export type Warn = (path: string, message: string, hint?: string, early?: 'early') => void;

/** `VirtualService default/reviews: spec.http[0].route[1].destination.subset: "v3" is not defined`. */
export function describeWarning(warning: ConfigWarning): string {
  return `${describeObject({ ...warning, metadata: warning })}: ${warning.path}: ${warning.message}${warning.hint === undefined ? '' : `; ${warning.hint}`}`;
}
