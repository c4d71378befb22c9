// Says in plain words why a device does not work and what to do about it.
import { useCall, useCallState } from "../../app/use-call";
import type { DeviceKind } from "../../call/state";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import styles from "./blocked-note.module.css";

export function BlockedNote({ kind }: { kind: DeviceKind }) {
  const t = useText();
  const call = useCall();
  const device = useCallState((state) => state.devices[kind]);
  if (device.state !== "blocked") return null;
  return (
    <div className={styles.note} role="alert" data-testid={`blocked-${kind}`} data-cause={device.cause}>
      <strong>{t(`blocked.${kind}`)}</strong>
      <p>
        {t(`blocked.${device.cause}`)} {t(`blocked.${device.cause}.do`)}
      </p>
      <Button onClick={() => void call.turn(kind, true)}>{t("blocked.retry")}</Button>
    </div>
  );
}
