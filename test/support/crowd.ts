/**
 * Clients that connect and say nothing: `crowd.ts SOCKET COUNT`. Says so when they
 * all are there, and stays.
 *
 * @module
 */
import * as Net from "node:net"
import process from "node:process"

const [path = "", count = "0"] = process.argv.slice(2)
let connected = 0
const connect = () => {
  const socket = Net.connect({ path })
  socket.on("connect", () => {
    if (++connected === Number(count)) console.log("connected")
    else if (connected + 100 <= Number(count)) connect()
  })
  socket.on("error", (error: NodeJS.ErrnoException) => {
    // The backlog is full: others go first.
    if (error.code === "EAGAIN") return setTimeout(connect, 10)
    console.log(String(error))
    process.exit(1)
  })
}
// A hundred at a time.
for (let i = 0; i < Math.min(100, Number(count)); i++) connect()
