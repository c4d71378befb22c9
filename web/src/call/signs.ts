// Signs, said to the server and sent so that they can be read: hands need frames before they need size.
import {
  type Participant as LiveKitParticipant,
  type TrackPublishOptions,
  VideoPreset,
} from "livekit-client";

/** The participant attribute by which the server knows whose camera shows sign language. */
const ATTRIBUTE = "saal.signs";

/** At 25 frames a second down to the smallest picture, which still has 240 lines: so it fits a line of 300 kbit/s. */
export const SIGNING_CAMERA: TrackPublishOptions = {
  videoSimulcastLayers: [new VideoPreset(426, 240, 170_000, 25), new VideoPreset(640, 360, 450_000, 25)],
  degradationPreference: "maintain-framerate",
};

export function isSigning(participant: LiveKitParticipant): boolean {
  return participant.attributes[ATTRIBUTE] === "true";
}

/** An empty value takes the attribute away. */
export function signingAttributes(isOn: boolean): Record<string, string> {
  return { [ATTRIBUTE]: isOn ? "true" : "" };
}
