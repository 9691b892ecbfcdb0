// Says on the start page of a paper whether this device can keep answers while it is offline.
import { canKeep } from "./exam-queue.js";

export default function (element) {
  element.querySelector("[data-role=can]").hidden = !canKeep();
  element.querySelector("[data-role=cannot]").hidden = canKeep();
  element.hidden = false;
}
