/** The library, which isn't used. */
import { GuestClock } from "guest-clock"

if (GuestClock.event("never").name !== "never") throw new Error("unreachable")
