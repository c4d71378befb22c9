// Everybody's tiles, as many as fit; the rest on further pages, which are not received until they are shown.
import { type CSSProperties, useState } from "react";
import { useMeeting } from "../../app/use-call";
import { type Box, GAP, gridFor, tilesPerPage } from "../../call/grid";
import type { Participant } from "../../call/state";
import { useText } from "../../i18n/use-text";
import { Button } from "../../ui/button";
import { Icon } from "../../ui/icon";
import { Tile } from "../tile/tile";
import styles from "./people-grid.module.css";
import { useBox } from "./use-box";

export function PeopleGrid() {
  const participants = useMeeting((meeting) => meeting.participants);
  const [element, box] = useBox<HTMLDivElement>();
  const [wanted, setPage] = useState(0);
  const size = tilesPerPage(box);
  const pages = Math.max(1, Math.ceil(participants.length / size));
  const page = Math.min(wanted, pages - 1);
  const shown = participants.slice(page * size, (page + 1) * size);
  return (
    <div className={styles.people}>
      <div ref={element} className={styles.box}>
        <Tiles participants={shown} box={box} />
      </div>
      {pages > 1 && <Pages page={page} pages={pages} show={setPage} />}
    </div>
  );
}

function Tiles({ participants, box }: { participants: readonly Participant[]; box: Box }) {
  const t = useText();
  const { columns, tile } = gridFor(participants.length, box);
  const style = {
    "--tile-width": `${tile.width}px`,
    "--tile-height": `${tile.height}px`,
    "--row-width": `${columns * tile.width + (columns - 1) * GAP}px`,
    "--gap": `${GAP}px`,
  } as CSSProperties;
  return (
    <ul className={styles.tiles} style={style} aria-label={t("meeting.grid")}>
      {participants.map((participant) => (
        <li key={participant.identity} className={styles.cell}>
          <Tile participant={participant} source="camera" />
        </li>
      ))}
    </ul>
  );
}

function Pages({ page, pages, show }: { page: number; pages: number; show: (page: number) => void }) {
  const t = useText();
  return (
    <nav className={styles.pages} aria-label={t("meeting.pages", { page: page + 1, pages })}>
      <Button
        look="quiet"
        aria-label={t("meeting.page.previous")}
        disabled={page === 0}
        onClick={() => show(page - 1)}
      >
        <Icon name="previous" />
      </Button>
      <span aria-hidden="true">
        {page + 1} / {pages}
      </span>
      <Button
        look="quiet"
        aria-label={t("meeting.page.next")}
        disabled={page === pages - 1}
        onClick={() => show(page + 1)}
      >
        <Icon name="next" />
      </Button>
    </nav>
  );
}
