// Passes TCP connections to an address on to the same port of loopback: `node forward.mjs ADDRESS PORT`.
// Runs inside a namespace, whose loopback nobody else reaches.
import { connect, createServer } from "node:net";

const [address, port] = process.argv.slice(2);
createServer((near) => {
  const far = connect(Number(port), "127.0.0.1");
  near.pipe(far).pipe(near);
  near.on("error", () => far.destroy());
  far.on("error", () => near.destroy());
}).listen(Number(port), address);
process.stdin.on("end", () => process.exit(0)).resume();
