// One picture with its name: a person's camera, or the screen they share.
import { useEffect, useRef } from "react";
import { useCall } from "../../app/use-call";
import type { Participant, VideoSource } from "../../call/state";
import { useText } from "../../i18n/use-text";
import { Icon } from "../../ui/icon";
import styles from "./tile.module.css";

interface TileProps {
  readonly participant: Participant;
  readonly source: VideoSource;
}

export function Tile({ participant, source }: TileProps) {
  const t = useText();
  const video = participant[source];
  const isCamera = source === "camera";
  const isSpeaking = isCamera && participant.isSpeaking;
  const name = participant.isLocal ? t("tile.you", { name: participant.name }) : participant.name;
  return (
    <figure
      className={styles.tile}
      data-participant={participant.identity}
      data-source={source}
      data-video={video !== null}
      data-local={participant.isLocal}
      data-speaking={isSpeaking}
      data-paused={video?.isPaused === true}
    >
      {video === null ? (
        <span className={styles.initials} aria-hidden="true">
          {initials(participant.name)}
        </span>
      ) : (
        <TileVideo key={video.trackId} participant={participant} source={source} />
      )}
      {video?.isPaused && <p className={styles.paused}>{t("tile.paused")}</p>}
      <figcaption className={styles.label}>
        {isCamera && !participant.isMicrophoneOn && (
          <span className={styles.muted} role="img" aria-label={t("tile.muted")}>
            <Icon name="microphoneOff" />
          </span>
        )}
        <span className={styles.name}>{isCamera ? name : t("tile.screenOf", { name })}</span>
        {isSpeaking && (
          <span className={styles.speaking} role="img" aria-label={t("tile.speaking")}>
            <Icon name="sound" />
          </span>
        )}
      </figcaption>
    </figure>
  );
}

function TileVideo({ participant, source }: TileProps) {
  const call = useCall();
  const video = useRef<HTMLVideoElement>(null);
  const { identity } = participant;
  useEffect(
    () => (video.current === null ? undefined : call.attachVideo(identity, source, video.current)),
    [call, identity, source],
  );
  return <video ref={video} className={styles.video} muted playsInline autoPlay />;
}

/** The first letters of the first and the last word. */
function initials(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== "");
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...(word ?? "")][0]?.toLocaleUpperCase() ?? "").join("");
}
