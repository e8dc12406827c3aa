import * as Light from "../light.ts"
import { sized } from "../numbers.ts"

export default Light.holds(sized(10_000), sized(500_000))
