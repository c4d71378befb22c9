// Changes devices during the meeting, for example after docking the laptop.
import { useRef } from "react";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { LanguagePicker } from "../../ui/language-picker";
import { DevicePickers } from "../devices/device-pickers";
import { Level } from "../devices/level";
import { SignsSwitch } from "../devices/signs-switch";
import { NeighboursSetting } from "../neighbours/neighbours-setting";
import styles from "./device-dialog.module.css";
import { ToolButton } from "./tool-button";

export function DeviceDialog() {
  const t = useText();
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <ToolButton
        icon="settings"
        words={t("device.settings")}
        label={t("device.settings")}
        data-testid="device-settings"
        onClick={() => dialog.current?.showModal()}
      />
      {/* The browser keeps the focus inside, closes on Escape and gives the focus back. */}
      <dialog ref={dialog} className={styles.dialog} aria-label={t("device.settings")}>
        <h2>{t("device.settings")}</h2>
        <DevicePickers />
        <Level />
        <SignsSwitch />
        <NeighboursSetting />
        <div className={styles.bottom}>
          <LanguagePicker />
          <Button look="main" onClick={() => dialog.current?.close()}>
            {t("dialog.close")}
          </Button>
        </div>
      </dialog>
    </>
  );
}
