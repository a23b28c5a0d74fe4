// Starts what a page asks for. Without scripts every page can still be read.
import { followTheme } from "./theme.js";
import { followQueues } from "./live.js";

followTheme();
followQueues();
