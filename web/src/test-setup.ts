// What every unit test starts from: an empty page in English.
import { cleanup } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { setLanguage } from "./i18n/use-text";

beforeEach(() => setLanguage("en"));
afterEach(cleanup);
