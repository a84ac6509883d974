package git

// Limits bound what one repository may cost. A value of zero or less means the default. Whatever exceeds one is an Error with the
// code TooLarge that names it.
type Limits struct {
	// MaxAdvertisementBytes bounds a list of refs as the server sends it.
	MaxAdvertisementBytes int64
	// MaxPackBytes bounds one transfer, compressed as it is sent.
	MaxPackBytes int64
	// MaxObjects bounds the objects of one transfer, and of one commit's tree.
	MaxObjects int
	// MaxObjectBytes bounds one inflated object of any kind, wanted or not. About three such objects are in memory during a fetch.
	MaxObjectBytes int64
	// MaxStoreBytes bounds what one source may keep on disk, inflated.
	MaxStoreBytes int64
	// MaxTreeDepth bounds folders within folders.
	MaxTreeDepth int
	// MaxEntries bounds the tree entries (files and folders) looked at in one call of Snapshot.Files.
	MaxEntries int
	// MaxFiles bounds the files read in one call of Snapshot.Files.
	MaxFiles int
	// MaxFileBytes bounds each of them.
	MaxFileBytes int64
	// MaxTotalBytes bounds the sum of them.
	MaxTotalBytes int64
}

const (
	kib = int64(1) << 10
	mib = kib << 10
	gib = mib << 10
)

// DefaultLimits suit a monorepo of applications with their manifests.
func DefaultLimits() Limits {
	return Limits{
		MaxAdvertisementBytes: 64 * mib,
		MaxPackBytes:          512 * mib,
		MaxObjects:            1_000_000,
		MaxObjectBytes:        64 * mib,
		MaxStoreBytes:         4 * gib,
		MaxTreeDepth:          64,
		MaxEntries:            1_000_000,
		MaxFiles:              20_000,
		MaxFileBytes:          8 * mib,
		MaxTotalBytes:         128 * mib,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	return Limits{
		MaxAdvertisementBytes: positiveOr(l.MaxAdvertisementBytes, d.MaxAdvertisementBytes),
		MaxPackBytes:          positiveOr(l.MaxPackBytes, d.MaxPackBytes),
		MaxObjects:            positiveOr(l.MaxObjects, d.MaxObjects),
		MaxObjectBytes:        positiveOr(l.MaxObjectBytes, d.MaxObjectBytes),
		MaxStoreBytes:         positiveOr(l.MaxStoreBytes, d.MaxStoreBytes),
		MaxTreeDepth:          positiveOr(l.MaxTreeDepth, d.MaxTreeDepth),
		MaxEntries:            positiveOr(l.MaxEntries, d.MaxEntries),
		MaxFiles:              positiveOr(l.MaxFiles, d.MaxFiles),
		MaxFileBytes:          positiveOr(l.MaxFileBytes, d.MaxFileBytes),
		MaxTotalBytes:         positiveOr(l.MaxTotalBytes, d.MaxTotalBytes),
	}
}

func positiveOr[T int | int64](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
