// Lets the person choose microphone, camera and speaker, as far as the browser shows them.
import { useId } from "react";
import { useCall, useCallState } from "../../app/use-call";
import type { ChoiceKind } from "../../call/state";
import { useText } from "../../i18n/use-text";
import styles from "./device-pickers.module.css";

export function DevicePickers() {
  const hasSpeakers = useCallState((state) => state.devices.choices.speaker.length > 0);
  return (
    <div className={styles.pickers}>
      <Picker kind="microphone" />
      <Picker kind="camera" />
      {hasSpeakers && <Picker kind="speaker" />}
    </div>
  );
}

function Picker({ kind }: { kind: ChoiceKind }) {
  const t = useText();
  const id = useId();
  const call = useCall();
  const choices = useCallState((state) => state.devices.choices[kind]);
  const chosen = useCallState((state) => state.devices.chosen[kind]);
  const isEmpty = choices.length === 0;
  return (
    <div className={styles.picker}>
      <label htmlFor={id}>{t(`device.${kind}`)}</label>
      <select
        id={id}
        data-testid={`picker-${kind}`}
        disabled={isEmpty}
        aria-describedby={isEmpty ? `${id}-hint` : undefined}
        value={chosen ?? choices[0]?.id ?? ""}
        onChange={({ target }) => void call.choose(kind, target.value)}
      >
        {isEmpty && <option value="">{t("device.default")}</option>}
        {choices.map(({ id: deviceId, label }, index) => (
          <option key={deviceId} value={deviceId}>
            {label || t("device.numbered", { number: index + 1 })}
          </option>
        ))}
      </select>
      {isEmpty && (
        <p id={`${id}-hint`} className={styles.hint}>
          {t("device.needsPermission")}
        </p>
      )}
    </div>
  );
}
