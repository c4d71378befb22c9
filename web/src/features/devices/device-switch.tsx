// Turns a device on and off, before and during the meeting.
import { useCall, useCallState } from "../../app/use-call";
import type { DeviceKind } from "../../call/state";
import { useText } from "../../i18n/use-text";
import { Icon, type IconName } from "../../ui/icon";
import styles from "./device-switch.module.css";

const ICONS: Readonly<Record<DeviceKind, { readonly on: IconName; readonly off: IconName }>> = {
  microphone: { on: "microphone", off: "microphoneOff" },
  camera: { on: "camera", off: "cameraOff" },
};

export function DeviceSwitch({ kind, isCompact = false }: { kind: DeviceKind; isCompact?: boolean }) {
  const t = useText();
  const call = useCall();
  const state = useCallState(({ devices }) => devices[kind].state);
  const isOn = state === "on" || state === "starting";
  const action = isOn ? t(`device.turnOff.${kind}`) : t(`device.turnOn.${kind}`);
  return (
    <button
      type="button"
      className={styles.switch}
      data-testid={`switch-${kind}`}
      data-state={state}
      data-compact={isCompact}
      aria-label={action}
      title={action}
      onClick={() => void call.turn(kind, !isOn)}
    >
      <Icon name={state === "on" ? ICONS[kind].on : ICONS[kind].off} />
      <span className={styles.words}>{isCompact ? t(`device.${kind}`) : action}</span>
    </button>
  );
}
