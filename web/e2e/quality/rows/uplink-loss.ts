// A publisher's uplink loses packets; what they send in three sizes is repaired before anyone else sees it.
import { above, below, type Figure, type Outcome } from "../outcome";
import type { Scenario } from "../scenario";
import { residualLoss, retransmitted, videoSpan } from "../spans";
import { Stage, type Wishes } from "../stage";

const SECONDS = 20;
/** Percent lost on the way up, and what may be left of it. */
const STEPS = [
  { loss: 5, limit: 0.3 },
  { loss: 10, limit: 1 },
] as const;

export const uplinkLoss: Scenario = {
  row: 1,
  title: "loss on a publisher's uplink, 50 ms RTT, simulcast",
  plays: [(tell) => publishedBy("chromium", tell), (tell) => publishedBy("firefox", tell)],
};

function publishedBy(
  browser: NonNullable<Wishes["browser"]>,
  tell: (what: string) => void,
): Promise<Outcome> {
  return Stage.play({}, tell, async (stage) => {
    const sender = await stage.join(`Sender (${browser})`, { browser, line: ["both delay=25ms"] });
    await sender.person.turnOn("camera");
    const viewer = await stage.join("Viewer");
    await stage.sees(viewer, sender, 360);
    const figures: Figure[] = [];
    for (const { loss, limit } of STEPS) {
      sender.cable.line.set(`up loss=${loss}%`);
      const [before, sentBefore] = [await stage.now(viewer), await stage.now(sender)];
      await stage.watch(`${loss} % lost on the uplink of ${browser}`, SECONDS);
      const [after, sentAfter] = [await stage.now(viewer), await stage.now(sender)];
      const span = videoSpan(before, after, sender.name);
      const again = retransmitted(sentBefore, sentAfter);
      const line = sender.cable.line.between("up", before.at, after.at);
      const really = `${((100 * line.lost) / Math.max(1, line.all)).toFixed(1)} % lost`;
      figures.push(below(`${browser}, ${really}: left after repair`, residualLoss(span), limit, " %"));
      const most = [...again].toSorted(([, one], [, other]) => other - one)[0] ?? ["none", 0];
      figures.push(
        above(`${browser}, ${loss} %: sent again of encoding ${most[0]}`, most[1], 0, " packets", 0),
      );
      figures.push(
        above(`${browser}, ${loss} %: frames shown`, span.frames / span.seconds, 10, " a second", 1),
      );
    }
    const repaired = await stage.host.metric("packets_repaired_total");
    figures.push(above(`${browser}: repairs the server counted`, repaired, 0, " packets", 0));
    return { play: browser, figures, series: stage.series, marks: stage.marks };
  });
}
