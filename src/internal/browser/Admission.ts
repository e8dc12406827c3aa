/**
 * Limits connections in a browser: nobody connects.
 *
 * @module
 */

/** As `platform/Admission`, where nobody connects. */
export class Admission {
  readonly most: number
  readonly refused = 0
  onRefused: () => void = () => {}

  constructor(most: number = 0) {
    this.most = most
  }
}
