// Says that the person signs, so that their picture keeps its frames on weak lines.
import { useState } from "react";
import { useCall, useCallState } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { Checkbox } from "../../ui/checkbox";

export function SignsSwitch() {
  const t = useText();
  const call = useCall();
  const isSigning = useCallState((state) =>
    state.phase === "meeting"
      ? state.participants.some(({ isLocal, isSigning }) => isLocal && isSigning)
      : false,
  );
  const [isAsked, setAsked] = useState(false);
  const change = async (isOn: boolean) => {
    setAsked(true);
    await call.sign(isOn);
    setAsked(false);
  };
  return (
    <Checkbox
      label={t("device.signs")}
      hint={t("device.signs.hint")}
      data-testid="signs"
      checked={isSigning}
      disabled={isAsked}
      onChange={({ target }) => void change(target.checked)}
    />
  );
}
