import { suite } from "../sleepers.ts"

export default suite(100, 50_000)
