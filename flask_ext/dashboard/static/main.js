// Starts what a page asks for. Without scripts every page can still be read.
import { offerActions } from "./actions.js";
import { offerChoosing } from "./choosing.js";
import { offerFilters } from "./filter.js";
import { followQueues } from "./live.js";
import { offerPalette } from "./palette.js";
import { sayWhatWasLeft } from "./page.js";
import { followTheme } from "./theme.js";

followTheme();
offerActions();
offerChoosing();
offerFilters();
offerPalette();
followQueues();
sayWhatWasLeft();
document.body.dataset.ready = "";
