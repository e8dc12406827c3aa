/**
 * Servers that answer after 50 ms: run by test/support/requests.ts in a process of their own, until their input ends.
 *
 * @module
 */
import { Buffer } from "node:buffer"
import { createHash } from "node:crypto"
import * as Dgram from "node:dgram"
import * as Http from "node:http"
import * as Net from "node:net"
import process from "node:process"

const http = Http.createServer((request, answer) => {
  switch (request.url) {
    case "/late-body":
      answer.flushHeaders()
      break
    case "/bit-by-bit":
      answer.write("a")
      setTimeout(() => answer.write("b"), 50)
      setTimeout(() => answer.end("c"), 100)
      return
    case "/events":
      answer.writeHead(200, { "content-type": "text/event-stream" })
      answer.write("data: 1\n\n")
      return
    case "/large":
      answer.end(new Uint8Array(5_000_000))
      return
  }
  setTimeout(() => answer.end("hello"), 50)
}).on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(
    `${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
  )
  socket.write(
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      `Sec-WebSocket-Accept: ${accept.digest("base64")}\r\n\r\n`,
  )
})
const tcp = Net.createServer((socket) => {
  socket.on("error", () => {})
  socket.on("data", (data) => setTimeout(() => socket.write(data), 50))
})
const listen = (server: Net.Server): Promise<number> =>
  new Promise((done) => server.listen(0, "127.0.0.1", () => done((server.address() as Net.AddressInfo).port)))
/** Answers every question for a name after 50 ms: there is none. */
const dns = Dgram.createSocket("udp4", (question, from) => {
  const answer = Buffer.from(question)
  answer.writeUInt16BE(0x8183, 2)
  setTimeout(() => dns.send(answer, from.port, from.address), 50)
})
await new Promise<void>((done) => dns.bind(0, "127.0.0.1", done))
console.log(JSON.stringify({ http: await listen(http), tcp: await listen(tcp), dns: dns.address().port }))
process.stdin.on("end", () => process.exit()).resume()
