// Two viewers share one link that is too narrow for both at their best: neither takes it from the other.
import { below, type Figure, holds } from "../outcome";
import type { Scenario } from "../scenario";
import { type Span, videoSpan } from "../spans";
import { type Participant, Stage } from "../stage";

const SECONDS = 60;
const SLICE_SECONDS = 5;

export const sharedLink: Scenario = {
  row: 6,
  title: "two subscribers behind one 3 Mbit/s link",
  plays: [
    (tell) =>
      Stage.play({ SAAL_MEDIA_CONGESTION_CONTROL: "true" }, tell, async (stage) => {
        const sender = await stage.join("Sender", { camera: { width: 1280, height: 720, grainy: true } });
        await sender.person.turnOn("camera");
        const line = ["both delay=25ms", "down rate=3mbit"];
        const anna = await stage.join("Anna", { line });
        const bela = await stage.join("Bela", { behind: anna });
        for (const viewer of [anna, bela]) {
          await viewer.person.page.resize(1920, 1080);
          await stage.sees(viewer, sender, 180);
        }
        const slices: (readonly [Span, Span])[] = [];
        for (let passed = 0; passed < SECONDS; passed += SLICE_SECONDS) {
          slices.push(await slice(stage, [anna, bela], sender.name));
        }
        return { play: "", figures: judged(slices), series: stage.series, marks: stage.marks };
      }),
  ],
};

async function slice(
  stage: Stage,
  viewers: readonly [Participant, Participant],
  shown: string,
): Promise<readonly [Span, Span]> {
  const look = () => Promise.all(viewers.map((viewer) => stage.now(viewer)));
  const before = await look();
  await stage.watch("both watch", SLICE_SECONDS);
  const after = await look();
  const [one, other] = after.map((seen, index) => videoSpan(before[index] ?? seen, seen, shown));
  return [one as Span, other as Span];
}

function judged(slices: readonly (readonly [Span, Span])[]): readonly Figure[] {
  const bytes = [0, 1].map((who) => slices.reduce((sum, pair) => sum + (pair[who] as Span).bytes, 0));
  const share = (100 * Math.min(...bytes)) / Math.max(1, (bytes[0] as number) + (bytes[1] as number));
  const starved = slices.flat().filter(({ frames, seconds }) => frames / seconds < 1).length;
  const measured = `${share.toFixed(0)} / ${(100 - share).toFixed(0)}`;
  return [
    holds("share of the two", "within 40 / 60", measured, share >= 40),
    below(`spans of ${SLICE_SECONDS} s without a moving picture`, starved, 1, "", 0),
  ];
}
