// The moment between the green room and the meeting, which can be called off.
import { useCall } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Card } from "../../ui/card";
import styles from "./connecting.module.css";

export function Connecting() {
  const t = useText();
  const call = useCall();
  return (
    <Card title={t("connecting.title")}>
      <div className={styles.bar} />
      <Button onClick={() => call.cancel()}>{t("connecting.cancel")}</Button>
    </Card>
  );
}
