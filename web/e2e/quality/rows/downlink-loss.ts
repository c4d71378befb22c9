// One viewer's downlink loses packets; they are sent again to that viewer, and nobody else notices.
import { above, below, type Figure, type Outcome } from "../outcome";
import type { Scenario } from "../scenario";
import { frozenShare, residualLoss, type Span, videoSpan } from "../spans";
import { Stage, type Wishes } from "../stage";

const SECONDS = 20;
/** Percent lost on the way down, and what may be left of it. */
const STEPS = [
  { loss: 5, limit: 0.3 },
  { loss: 10, limit: 1 },
] as const;
/** Percent of time without a picture; of percent of packets. */
const FROZEN_MAX = 1;
const LOST_ELSEWHERE_MAX = 0.1;

export const downlinkLoss: Scenario = {
  row: 2,
  title: "loss on a subscriber's downlink, 50 ms RTT",
  plays: [(tell) => seenBy("chromium", tell), (tell) => seenBy("firefox", tell)],
};

function seenBy(browser: NonNullable<Wishes["browser"]>, tell: (what: string) => void): Promise<Outcome> {
  return Stage.play({}, tell, async (stage) => {
    const sender = await stage.join("Sender");
    await sender.person.turnOn("camera");
    const lossy = await stage.join(`Lossy (${browser})`, { browser, line: ["both delay=25ms"] });
    const other = await stage.join("Other");
    for (const viewer of [lossy, other]) await stage.sees(viewer, sender, 180);
    const figures: Figure[] = [];
    for (const { loss, limit } of STEPS) {
      lossy.cable.line.set(`down loss=${loss}%`);
      const [before, otherBefore] = [await stage.now(lossy), await stage.now(other)];
      await stage.watch(`${loss} % lost on the downlink of ${browser}`, SECONDS);
      const [after, otherAfter] = [await stage.now(lossy), await stage.now(other)];
      const span = videoSpan(before, after, sender.name);
      const elsewhere = videoSpan(otherBefore, otherAfter, sender.name);
      const name = `${browser}, ${loss} %`;
      figures.push(...atLossy(name, span, elsewhere, limit));
      figures.push(
        below(`${name}: the other viewer loses`, residualLoss(elsewhere), LOST_ELSEWHERE_MAX, " %"),
      );
      figures.push(
        below(`${name}: the other viewer freezes`, frozenShare(elsewhere), FROZEN_MAX, " % of time"),
      );
    }
    const again = await stage.host.metric("packets_retransmitted_total");
    const refused = await stage.host.metric("retransmissions_limited_total");
    figures.push(above(`${browser}: packets the server sent again`, again, 0, "", 0));
    figures.push(below(`${browser}: and refused to`, refused, 0.05 * again, "", 0));
    return { play: browser, figures, series: stage.series, marks: stage.marks };
  });
}

function atLossy(name: string, span: Span, elsewhere: Span, limit: number): readonly Figure[] {
  const shown = above(`${name}: frames shown`, span.frames / span.seconds, 10, " a second", 1);
  const frozen = below(`${name}: freezes`, frozenShare(span), FROZEN_MAX, " % of time");
  if (span.repaired > 0) {
    return [below(`${name}: left after repair`, residualLoss(span), limit, " %"), frozen, shown];
  }
  // Firefox does not tell which packets came again, so count the frames that the other viewer has more.
  // Each look may be a frame off.
  const missing = Math.max(0, elsewhere.frames - span.frames - 2);
  const share = (100 * missing) / Math.max(1, elsewhere.frames);
  return [below(`${name}: frames left out after repair`, share, limit, " %"), frozen, shown];
}
