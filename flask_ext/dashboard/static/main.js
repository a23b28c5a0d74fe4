// Starts what a page asks for. Without scripts every page can still be read.
import { offerActions } from "./actions.js";
import { offerChoosing } from "./choosing.js";
import { offerFilters } from "./filter.js";
import { followQueues } from "./live.js";
import { offerPalette } from "./palette.js";
import { followTheme } from "./theme.js";

followTheme();
offerActions();
offerChoosing();
offerFilters();
offerPalette();
followQueues();
document.body.dataset.ready = "";
