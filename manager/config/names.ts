/** A DNS subdomain (RFC 1123): names of objects. */
export const SUBDOMAIN: RegExp = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;
const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]*[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** What is wrong with a label of Kubernetes' form; undefined when nothing is. */
export function labelProblem(key: string, value: string): string | undefined {
  if (!LABEL_KEY.test(key))
    return `"${key}" is no label name: letters, digits, "-", "_", ".", at most 63, with a domain and "/" in front or not`;
  if (!LABEL_VALUE.test(value))
    return `"${value}" is no label value: letters, digits, "-", "_", ".", at most 63, ending in a letter or digit`;
  return undefined;
}
