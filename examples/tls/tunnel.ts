/**
 * A calendar's socket on another machine, by TLS: only who has the key of the world can connect, and nobody
 * can listen in. Each end has the same key and certificate, and trusts nothing else.
 *
 * ```sh
 * # once; then copy the two files to each machine, readable by you only
 * openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=calendar \
 *   -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=DNS:calendar -keyout key.pem -out cert.pem
 *
 * # where the calendar is
 * deno task guest-clock calendar --socket /tmp/calendar.sock --clients 2
 * node examples/tls/tunnel.ts serve 0.0.0.0 4000 /tmp/calendar.sock
 *
 * # where guests are
 * node examples/tls/tunnel.ts connect calendar.example.org 4000 /tmp/calendar.sock
 * deno task guest-clock guest --socket /tmp/calendar.sock --id 1 "sleep 1s"
 * ```
 */
import * as Fs from "node:fs"
import * as Net from "node:net"
import process from "node:process"
import * as Tls from "node:tls"

const [role = "", host = "", port = "", socket = ""] = process.argv.slice(2)
const files = { key: Fs.readFileSync("key.pem"), cert: Fs.readFileSync("cert.pem") }
const tls = { ...files, ca: [files.cert], minVersion: "TLSv1.3" as const }

/** Has each end's bytes go to the other, until one of them is gone. */
const join = (one: Net.Socket, other: Net.Socket) => {
  for (const [from, to] of [[one, other], [other, one]] as const) {
    from.setNoDelay(true).on("error", () => {}).on("close", () => to.destroySoon())
    from.pipe(to)
  }
}

const listening = () => console.log("listening")

if (role === "serve") {
  const server = Tls.createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (guest) => {
    // A client without the key isn't let in as far as this.
    if (!guest.authorized) guest.destroy()
    else join(guest, Net.createConnection({ path: socket }))
  })
  server.on("tlsClientError", (why) => console.log(`refused: ${why.message}`))
  server.listen(Number(port), host, listening)
} else if (role === "connect") {
  const server = Net.createServer((guest) => {
    join(guest, Tls.connect({ ...tls, host, port: Number(port), servername: "calendar" }))
  })
  // Only this user may connect here, from the first moment.
  process.umask(0o177)
  server.listen(socket, listening)
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      // That removes its file.
      server.close()
      process.exit()
    })
  }
} else {
  console.log("tunnel.ts serve HOST PORT SOCKET, or tunnel.ts connect HOST PORT SOCKET")
  process.exitCode = 1
}
