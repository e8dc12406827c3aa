/**
 * Listens on a unix socket and takes nobody in for a while: whoever connects then is
 * told to try again, once two wait.
 *
 * @module
 */
import * as Net from "node:net"
import process from "node:process"

const [path = "", millis = "0"] = process.argv.slice(2)
Net.createServer((connection) => connection.resume()).listen({ path, backlog: 1 }, () => {
  console.log("listening")
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(millis))
})
