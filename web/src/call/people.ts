// Reads a LiveKit room into the participants that the screens show. Changes nothing.
import { type Participant as LiveKitParticipant, type Room, Track } from "livekit-client";
import { groupName } from "./neighbours";
import { isSigning } from "./signs";
import type { Participant, Protection, Video, VideoSource } from "./state";

const SOURCES: Readonly<Record<VideoSource, Track.Source>> = {
  camera: Track.Source.Camera,
  screen: Track.Source.ScreenShare,
};

/** What is known of the encryption of the meeting. */
export interface Secrecy {
  readonly hasKey: boolean;
  /** The identities of those whose media our key does not open. */
  readonly unreadable: ReadonlySet<string>;
}

/** Myself first, then the others in the order they came, so that tiles do not jump. */
export function participantsOf(room: Room, secrecy: Secrecy): readonly Participant[] {
  const others = [...room.remoteParticipants.values()].sort(
    (a, b) =>
      (a.joinedAt?.getTime() ?? 0) - (b.joinedAt?.getTime() ?? 0) || a.identity.localeCompare(b.identity),
  );
  return [room.localParticipant, ...others].map((participant) => participantOf(participant, secrecy));
}

export function videoTrackOf(room: Room, identity: string, source: VideoSource): Track | undefined {
  return room.getParticipantByIdentity(identity)?.getTrackPublication(SOURCES[source])?.track;
}

export function displayName(participant: LiveKitParticipant | undefined, identity: string): string {
  return participant?.name || identity;
}

function participantOf(participant: LiveKitParticipant, secrecy: Secrecy): Participant {
  const protection = protectionOf(participant, secrecy);
  // What cannot be read has no picture: a black one would look like a camera in the dark.
  const isReadable = protection !== "unreadable";
  const microphone = participant.getTrackPublication(Track.Source.Microphone);
  return {
    identity: participant.identity,
    name: displayName(participant, participant.identity),
    isLocal: participant.isLocal,
    isSpeaking: participant.isSpeaking,
    isSigning: isSigning(participant),
    isMicrophoneOn: microphone !== undefined && !microphone.isMuted,
    neighbours: groupName(participant.attributes),
    mayDescribeMyself: participant.permissions?.canUpdateMetadata ?? false,
    camera: isReadable ? videoOf(participant, "camera") : null,
    screen: isReadable ? videoOf(participant, "screen") : null,
    protection,
  };
}

/** Somebody who publishes nothing yet is as the meeting is. */
function protectionOf(participant: LiveKitParticipant, { hasKey, unreadable }: Secrecy): Protection {
  const publishes = participant.trackPublications.size > 0;
  if (participant.isLocal) return hasKey ? "encrypted" : "none";
  if (!hasKey) return publishes && participant.isEncrypted ? "unreadable" : "none";
  if (unreadable.has(participant.identity)) return "unreadable";
  return publishes && !participant.isEncrypted ? "open" : "encrypted";
}

function videoOf(participant: LiveKitParticipant, source: VideoSource): Video | null {
  const publication = participant.getTrackPublication(SOURCES[source]);
  if (publication?.track === undefined || publication.isMuted) return null;
  const isPaused = publication.track.streamState === Track.StreamState.Paused;
  return { trackId: publication.trackSid, isPaused };
}
