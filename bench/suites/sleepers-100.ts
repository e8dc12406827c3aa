import { suite } from "../sleepers.ts"

export default suite(100, 500_000, 50_000)
