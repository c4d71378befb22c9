// Starts the client in the page.
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./styles/tokens.css";
import "./styles/base.css";
import { App } from "./app/app";

const place = document.getElementById("root");
if (place === null) throw new Error("index.html has an element with the id root");
createRoot(place).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
