// The load tester's peers, on an independent WebRTC stack in Rust, meet a browser.
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { binary } from "./harness/binaries";
import type { Browser } from "./harness/browser";
import { startChromium } from "./harness/chromium";
import { Person } from "./harness/person";
import { eventually } from "./harness/poll";
import { Program } from "./harness/program";
import { Server } from "./harness/server";

/** How the load tester names the first of its rooms. */
const PREFIX = "crate";
const ROOM = `${PREFIX}-0`;
/** Alone, so that all it receives is from the browser. */
const PEERS = 1;
const SECONDS = 15;
const PACKETS_MIN = 50;

let server: Server;
let browser: Browser;
let person: Person;

beforeAll(async () => {
  server = await Server.start();
  browser = await startChromium(1000);
  person = await Person.follow(browser, server.link(ROOM, "browser"), "browser");
  await person.turnOn("microphone");
  await person.turnOn("camera");
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test("the browser receives the peer's packets, and the peer receives the browser's", async () => {
  const report = join(mkdtempSync(join(tmpdir(), "saal-e2e-")), "report.json");
  const peers = new Program(binary("loadtest"), [
    ...["--url", server.webSocketUrl, "--api-key", "devkey", "--api-secret", "secret"],
    ...[
      "meeting",
      "--rooms",
      "1",
      "--peers",
      `${PEERS}`,
      "--seconds",
      `${SECONDS}`,
      "--room-prefix",
      PREFIX,
      "--json",
      report,
    ],
  ]);
  try {
    await peers.waitUntil("are seen", 20_000, async () => (await person.others()).length === PEERS);
    for (const name of await person.others()) {
      // Their pictures are made up and cannot be decoded; that they arrive is what matters here.
      await eventually(`packets of ${name}`, 20_000, async () => {
        return ((await person.video(name))?.packetsReceived ?? 0) > PACKETS_MIN;
      });
    }
    await eventually("the peers finish", (SECONDS + 20) * 1000, async () => peers.isOver);
    expect(peers.exitCode, peers.output.join("\n")).toBe(0);
    const told: unknown = JSON.parse(readFileSync(report, "utf8"));
    expect(told).toMatchObject({ joined: PEERS, failed: 0 });
    expect(told).toHaveProperty(
      "packets_received",
      expect.toSatisfy((packets: number) => packets > PACKETS_MIN),
    );
  } finally {
    await peers.stop();
  }
});
