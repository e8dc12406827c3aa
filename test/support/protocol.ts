/**
 * The numbers of PROTOCOL's operations, written down once more: what tests the
 * calendar from outside takes nothing from the core.
 *
 * @module
 */
export const ACK = 0,
  START = 1,
  REQUEST = 2,
  WAIT = 3,
  GET = 4,
  UPDATE = 5,
  RUN = 6,
  FREE_UNTIL = 7,
  GET_TOD = 8,
  BROADCAST = 9
