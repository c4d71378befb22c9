// The person's own picture, mirrored as in a mirror; the others see it the right way round.
import { useEffect, useRef } from "react";
import { useCall, useCallState } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { Icon } from "../../ui/icon";
import styles from "./preview.module.css";

export function Preview() {
  const t = useText();
  const camera = useCallState((state) => state.devices.camera.state);
  return (
    <figure className={styles.preview} aria-label={t("green.preview")} data-testid="preview">
      {camera === "on" ? (
        <PreviewVideo />
      ) : (
        <figcaption className={styles.off}>
          <Icon name="cameraOff" />
          {camera === "starting" ? t("device.starting") : t("green.preview.off")}
          {camera === "starting" && <small>{t("device.starting.hint")}</small>}
        </figcaption>
      )}
    </figure>
  );
}

function PreviewVideo() {
  const call = useCall();
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => (video.current === null ? undefined : call.attachPreview(video.current)), [call]);
  return <video ref={video} className={styles.video} muted playsInline autoPlay />;
}
