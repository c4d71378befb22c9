// A laptop changes its network in the middle of a call, and the signaling connection breaks: the call goes on.
import { below, type Figure, holds } from "../outcome";
import type { Scenario } from "../scenario";
import { type Participant, Stage } from "../stage";

const CUT_MS = 3_000;
/** What a machine short of time does to an even picture; a gap of ours is longer. */
const NO_GAP_S = 0.5;

const CHANGES = [
  { what: "router gives another address", change: rebind },
  { what: "laptop gets another address", change: move },
] as const;
/** Without a picture, while an address changes. */
const GAP_MAX_S = 1;
/** Longer than a browser takes that is left alone. */
const CHANGE_SECONDS = 15;

export const continuity: Scenario = {
  row: 9,
  title: "address changed in mid-call, WebSocket cut for 3 s",
  plays: [
    (tell) =>
      Stage.play({}, tell, async (stage) => {
        const mover = await stage.join("Mover", { camera: { width: 640, height: 360 } });
        const other = await stage.join("Other", { camera: { width: 640, height: 360 } });
        for (const { person } of [mover, other]) {
          await person.turnOn("microphone");
          await person.turnOn("camera");
        }
        await stage.sees(other, mover, 180);
        await stage.sees(mover, other, 180);
        await stage.watch("before", 5);
        const figures: Figure[] = [];
        for (const { what, change } of CHANGES) {
          const moved = await gaps(stage, [mover, other], what, async () => {
            await change(mover);
            await stage.watch(`after: ${what}`, CHANGE_SECONDS);
          });
          figures.push(below(`${what}: no picture at who moved`, moved[0], GAP_MAX_S, " s"));
          figures.push(below(`${what}: no picture of who moved`, moved[1], GAP_MAX_S, " s"));
          figures.push(await oneTile(other, mover, what));
        }
        const cut = await gaps(stage, [mover, other], "the WebSocket is cut", async () => {
          await mover.cable.signaling.cut(CUT_MS);
          await stage.watch("the WebSocket may come back", 10);
        });
        figures.push(below("WebSocket cut: no picture at whom it cut off", cut[0], NO_GAP_S, " s"));
        figures.push(below("WebSocket cut: no picture of whom it cut off", cut[1], NO_GAP_S, " s"));
        figures.push(await oneTile(other, mover, "WebSocket cut"));
        await other.person.openChat();
        await mover.person.say("still here");
        const messages = await until(async () => (await other.person.messages()).join("; "));
        const isHeard = messages.includes("still here");
        figures.push(holds("WebSocket cut: chat afterwards", "arrives", messages || "nothing", isHeard));
        return { play: "", figures, series: stage.series, marks: stage.marks };
      }),
  ],
};

/** The laptop notices nothing; only the server sees it elsewhere. */
async function rebind({ cable }: Participant): Promise<void> {
  cable.line.set("rebind");
}

/** As from Wi-Fi to a mobile network: the old address is gone. */
async function move({ cable }: Participant): Promise<void> {
  await cable.namespace.changeAddress();
}

/** For each of two people, the longest time without a further frame of the other, in seconds. */
async function gaps(
  stage: Stage,
  [one, other]: readonly [Participant, Participant],
  what: string,
  during: () => Promise<void>,
): Promise<readonly [number, number]> {
  stage.mark(what);
  await Promise.all([watchFrames(one), watchFrames(other)]);
  await during();
  return [await longestGap(one), await longestGap(other)];
}

/** Looks in the page itself, which is quicker than asking it each time. */
function watchFrames({ person }: Participant): Promise<void> {
  return person.page.evaluate(() => {
    const video = document.querySelector<HTMLVideoElement>('figure[data-local="false"] video');
    const stream = video?.srcObject;
    const id = stream instanceof MediaStream ? stream.getVideoTracks()[0]?.id : undefined;
    const watch = { frames: -1, since: performance.now(), longest: 0 };
    window.clearInterval(window.gapTimer);
    window.gapWatch = watch;
    window.gapTimer = window.setInterval(async () => {
      let frames = 0;
      for (const connection of window.peerConnections) {
        if (connection.connectionState === "closed") continue;
        for (const stats of (await connection.getStats()).values()) {
          const isShown = stats.type === "inbound-rtp" && stats.kind === "video";
          if (isShown && stats.trackIdentifier === id) frames += stats.framesDecoded ?? 0;
        }
      }
      const now = performance.now();
      watch.longest = Math.max(watch.longest, now - watch.since);
      if (frames !== watch.frames) Object.assign(watch, { frames, since: now });
    }, 50);
  }, null);
}

async function longestGap({ person }: Participant): Promise<number> {
  const longest = await person.page.evaluate(
    () => window.gapWatch?.longest ?? Number.POSITIVE_INFINITY,
    null,
  );
  return longest / 1000;
}

async function oneTile(viewer: Participant, shown: Participant, when: string): Promise<Figure> {
  const names = (await viewer.person.others()).filter((name) => name.endsWith(shown.name));
  return holds(`${when}: tiles of who it happened to`, "1", `${names.length}`, names.length === 1);
}

async function until(look: () => Promise<string>): Promise<string> {
  const end = performance.now() + 10_000;
  let seen = await look();
  while (seen === "" && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    seen = await look();
  }
  return seen;
}

declare global {
  interface Window {
    gapTimer?: number;
    gapWatch?: { frames: number; since: number; longest: number };
  }
}
