/** Why nobody is captured where there is nobody to capture. */
export const NOBODY = 'no workload is in the mesh yet';
/** What is known of capture before the first round. */
export const UNKNOWN = 'this agent has set no rules yet; those that it found, if any, stand until it does';
