// Shows that the microphone hears something.
import { useEffect, useId, useRef } from "react";
import { useCall, useCallState } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import styles from "./level.module.css";

export function Level() {
  const isOn = useCallState((state) => state.devices.microphone.state === "on");
  return isOn ? <Gauge /> : null;
}

function Gauge() {
  const t = useText();
  const id = useId();
  const call = useCall();
  const chosen = useCallState((state) => state.devices.chosen.microphone);
  const gauge = useRef<HTMLMeterElement>(null);
  // Ten values a second go straight to the element: they are no state of the page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another microphone needs another watch
  useEffect(
    () =>
      call.watchLevel((level) => {
        if (gauge.current !== null) gauge.current.value = level;
      }),
    [call, chosen],
  );
  return (
    <div className={styles.level}>
      <label htmlFor={id}>{t("green.level")}</label>
      <meter id={id} ref={gauge} className={styles.gauge} min={0} max={1} data-testid="level" />
      <p className={styles.hint}>{t("green.level.hint")}</p>
    </div>
  );
}
