/**
 * TCP addresses, and the socket options of both ends of a connection.
 *
 * @module
 */

/**
 * A place to listen or to connect to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Address {
  /** Default: 127.0.0.1, which other machines can't reach. */
  readonly host?: string
  /** 0 to 65535; to listen on 0 is to listen on any that is free. */
  readonly port: number
}

/** What a connection does as soon as it is there: small messages go at once, and a peer that is gone is noticed. */
export const settle = (
  connection: { setNoDelay(on: boolean): unknown; setKeepAlive(on: boolean, ms: number): unknown },
) => {
  connection.setNoDelay(true)
  connection.setKeepAlive(true, 10_000)
}

/** An address for people: `127.0.0.1:4000`, `[::1]:4000`. */
export const format = ({ host = "127.0.0.1", port }: Address): string =>
  `${host.includes(":") ? `[${host}]` : host}:${port}`
