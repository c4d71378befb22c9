// Six tiles and a line of 300 kbit/s: sound first, then what can be seen, and the rest says that it waits.
import { binary } from "../../harness/binaries";
import { above, below, holds } from "../outcome";
import type { Scenario } from "../scenario";
import type { Snapshot } from "../snapshot";
import { audioSpan, type Span } from "../spans";
import { ROOM_PREFIX, Stage } from "../stage";

const SECONDS = 20;
/** Besides the one who speaks. */
const OTHERS = 5;
const JOIN_SECONDS = 10;
/** Who speaks sends 50 packets of sound a second, who is silent two or three. */
const SPOKEN_PACKETS_MIN = 25;

export const crowdedLine: Scenario = {
  row: 5,
  title: "300 kbit/s downlink, 6 tiles",
  plays: [
    (tell) =>
      Stage.play({ SAAL_MEDIA_CONGESTION_CONTROL: "true" }, tell, async (stage) => {
        const speaker = await stage.join("Speaker", { camera: { width: 640, height: 360, grainy: true } });
        await speaker.person.turnOn("microphone");
        await speaker.person.turnOn("camera");
        const cable = await stage.cable([]);
        const crowd = cable.namespace.start(binary("loadtest"), [
          ...["--url", cable.origin.replace(/^http/, "ws"), "meeting", "--room-prefix", ROOM_PREFIX],
          ...["--peers", `${OTHERS}`, "--seconds", "120", "--quiet"],
        ]);
        try {
          await stage.watch("five others join", JOIN_SECONDS);
          const viewer = await stage.join("Viewer", { line: ["both delay=25ms"] });
          await stage.watch("a wide line", 8);
          viewer.cable.line.set("down rate=300kbit");
          await stage.watch("300 kbit/s begin", 10);
          const before = await stage.now(viewer);
          await stage.watch("300 kbit/s", SECONDS);
          const after = await stage.now(viewer);
          const sound = spokenSpan(before, after);
          const moving = after.received.filter(({ kind, track, frames }) => {
            const earlier = before.received.find((one) => one.track === track)?.frames ?? 0;
            return kind === "video" && frames - earlier > 2 * SECONDS;
          });
          const paused = await viewer.person.page.evaluate(
            () => document.querySelectorAll('figure[data-local="false"][data-paused="true"]').length,
            null,
          );
          const tiles = (await viewer.person.others()).length;
          const names = moving.map(({ tile }) => tile).join(", ") || "none";
          // Nothing heard at all is no sound made up.
          const concealed = sound.samples === 0 ? 100 : (100 * sound.concealedSamples) / sound.samples;
          return {
            play: "",
            figures: [
              holds("tiles", "6", `${tiles}`, tiles === OTHERS + 1),
              below("sound made up", concealed, 2, " %"),
              holds("moving pictures", "the speaker's", names, names.includes(speaker.name)),
              above("tiles that say they are paused", paused, 0, "", 0),
            ],
            series: stage.series,
            marks: stage.marks,
          };
        } finally {
          await crowd.stop();
        }
      }),
  ],
};

/** The sound of those who speak: a browser makes up the silence of the others by itself. */
function spokenSpan(before: Snapshot, after: Snapshot): Span {
  const packets = (snapshot: Snapshot, track: string) =>
    snapshot.received.find((one) => one.kind === "audio" && one.track === track)?.packets ?? 0;
  const isSpoken = ({ track }: { readonly track: string }) =>
    packets(after, track) - packets(before, track) > SPOKEN_PACKETS_MIN * SECONDS;
  const [first, last] = [before, after].map((one) => ({ ...one, received: one.received.filter(isSpoken) }));
  return audioSpan(first as Snapshot, last as Snapshot);
}
