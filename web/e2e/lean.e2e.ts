// The load tester's lean participants, which write their own session descriptions and feedback, get
// everything from a real server: what `make bench` measures with is a client like others.
import { afterAll, beforeAll, expect, test } from "vitest";
import { binary } from "./harness/binaries";
import { eventually } from "./harness/poll";
import { Program } from "./harness/program";
import { Server } from "./harness/server";

const WATCHERS = 4;

let server: Server;

beforeAll(async () => {
  server = await Server.start();
});

afterAll(async () => {
  await server?.stop();
});

test.for([
  ["pictures and sound", "webinar"],
  ["sound alone", "audio"],
])("every lean watcher receives the %s of two", async ([, scenario]) => {
  const peers = new Program(binary("loadtest"), [
    ...["--url", server.webSocketUrl, "--api-key", "devkey", "--api-secret", "secret"],
    ...[scenario ?? "", "--publishers", "2", "--watchers", `${WATCHERS}`, "--seconds", "2"],
    ...["--min-joined", "1", "--max-failed", "0", "--min-received", "1", "--max-loss", "0.01"],
  ]);
  try {
    await eventually("the participants finish", 30_000, async () => peers.isOver);
    expect(peers.exitCode, peers.output.join("\n")).toBe(0);
  } finally {
    await peers.stop();
  }
});
