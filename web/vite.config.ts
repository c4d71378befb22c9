// Builds the client as static files that obey the server's Content-Security-Policy: nothing inline.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** The address of `saal serve --dev`; the pages of `npm run dev` talk to it through the proxy. */
const SERVER = process.env["SERVER_URL"] ?? "http://127.0.0.1:7880";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // The policy allows scripts and pictures from our own origin only, so no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 900,
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/api": { target: SERVER },
      "/rtc": { target: SERVER, ws: true },
    },
  },
});
