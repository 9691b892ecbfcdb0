// Nobody is signed in here any more: the keys of what this device keeps are removed. What they sealed stays for its owner.
import { forgetKeys } from "./exam-queue.js";

export default function () {
  forgetKeys().catch(() => {});
}
