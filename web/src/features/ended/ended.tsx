// Why the meeting is not on any more, and the two ways on.
import { goHome } from "../../app/route";
import { useCall, useCallState } from "../../app/use-call";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Card } from "../../ui/card";
import styles from "./ended.module.css";

export function Ended() {
  const t = useText();
  const call = useCall();
  const reason = useCallState((state) => (state.phase === "ended" ? state.reason : "left"));
  return (
    <Card title={t(`ended.${reason}.title`)}>
      <p data-testid="ended" data-reason={reason}>
        {t(`ended.${reason}.text`)}
      </p>
      <div className={styles.ways}>
        <Button look="main" data-testid="rejoin" onClick={() => void call.rejoin()}>
          {t("ended.rejoin")}
        </Button>
        <Button onClick={goHome}>{t("ended.home")}</Button>
      </div>
    </Card>
  );
}
