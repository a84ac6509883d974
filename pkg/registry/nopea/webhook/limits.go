package webhook

import (
	"errors"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
)

// maxLimiters bounds the memory; a GitRepository that is forgotten may begin anew.
const maxLimiters = 10_000

// repositoryLimits bound the Syncs that are asked for of each GitRepository: after a delivery was verified, so that nobody uses up what is
// others'.
type repositoryLimits struct {
	rate  rate.Limit
	burst int
	clock clock.PassiveClock

	mu  sync.Mutex
	all *lru.Cache
}

func newRepositoryLimits(perSecond float64, clock clock.PassiveClock) *repositoryLimits {
	return &repositoryLimits{rate: rate.Limit(perSecond), burst: burst(10 * perSecond), clock: clock, all: lru.New(maxLimiters)}
}

func burst(tokens float64) int {
	return int(max(1, math.Ceil(tokens)))
}

func (l *repositoryLimits) allow(name types.NamespacedName) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	value, _ := l.all.Get(name)
	limiter, ok := value.(*rate.Limiter)
	if !ok {
		limiter = rate.NewLimiter(l.rate, l.burst)
		l.all.Add(name, limiter)
	}
	return limiter.AllowN(l.clock.Now(), 1)
}

// errMemory says that the bodies of all deliveries that are being received take up what there is for them.
var errMemory = errors.New("too many deliveries at once")

// memory is what bodies may take up together. It is taken as bytes come in, so that a sender has to send what it wants to occupy.
type memory struct {
	limit int64
	used  atomic.Int64
}

// reader takes what it reads out of the memory; release gives it back.
type reader struct {
	source io.Reader
	memory *memory
	taken  int64
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	r.taken += int64(n)
	if r.memory.used.Add(int64(n)) > r.memory.limit {
		return n, errMemory
	}
	return n, err
}

func (r *reader) release() {
	r.memory.used.Add(-r.taken)
	r.taken = 0
}
