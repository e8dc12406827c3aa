import { suite } from "../sleepers.ts"

export default suite(10_000, 500_000, 100_000)
