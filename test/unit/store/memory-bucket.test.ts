import { MemoryBucket } from '../../../src/store/memory-bucket.ts'
import { bucketSuite } from '../../suites/bucket-suite.ts'

bucketSuite('memory', () => new MemoryBucket())
