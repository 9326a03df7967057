/** Config that is not in force. */
export interface RejectionStatus {
  /** Name of the Envoy resource, or path of the part. */
  readonly resource: string;
  readonly reason: string;
  /** Such as `VirtualService default/reviews`. */
  readonly origins: readonly string[];
}
