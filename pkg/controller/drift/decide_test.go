package drift

import (
	"testing"
	"time"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

func TestDecide(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	applied, other, yielded, added := ownership.Digest{1}, ownership.Digest{2}, ownership.Digest{3}, ownership.Digest{4}
	fought := &contest{used: freeRepairs, last: now, lost: 1}
	gone := func(s *situation) { s.exists, s.live = false, ownership.Facts{} }
	for name, test := range map[string]struct {
		change func(*situation)
		want   action
		again  time.Duration // from now; 0 for none
	}{
		"as applied":                   {func(*situation) {}, nothing, 0},
		"never applied":                {func(s *situation) { s.uid, s.live.Signature = "", other }, nothing, 0},
		"a field taken":                {func(s *situation) { s.live.Signature, s.live.Generation = other, 8 }, repair, 0},
		"a field taken, no generation": {func(s *situation) { s.live.Signature, s.live.Generation, s.settled = other, 0, 0 }, repair, 0},
		"signature alone moved":        {func(s *situation) { s.live.Signature = other }, confirm, 0},
		"all ownership taken":          {func(s *situation) { s.live.Signature = ownership.Digest{} }, repair, 0},
		"made anew by somebody":        {func(s *situation) { s.live.UID = "other" }, repair, 0},
		"right again after an edit":    {func(s *situation) { s.suspect, s.live.Generation = true, 9 }, repair, 0},
		"suspended":                    {func(s *situation) { s.suspended, s.live.Signature = true, other }, nothing, 0},
		"going":                        {func(s *situation) { s.live.Deleting, s.live.Signature = true, other }, nothing, 0},
		"gone from Git":                {func(s *situation) { s.desired, s.live.Signature = nil, other }, nothing, 0},
		"Git unknown, edited":          {func(s *situation) { s.desired, s.sourceless, s.live.Signature = nil, true, other }, show, 0},
		"Git unknown, deleted":         {func(s *situation) { s.desired, s.sourceless = nil, true; gone(s) }, show, 0},
		"Git unknown, as applied":      {func(s *situation) { s.desired, s.sourceless = nil, true }, nothing, 0},
		"Warn, edited":                 {func(s *situation) { s.desired.Drift, s.live.Signature = v1alpha1.DriftPolicyWarn, other }, tolerate, 0},
		"Ignore, edited":               {func(s *situation) { s.desired.Drift, s.live.Signature = v1alpha1.DriftPolicyIgnore, other }, tolerate, 0},
		"Warn, deleted":                {func(s *situation) { s.desired.Drift = v1alpha1.DriftPolicyWarn; gone(s) }, tolerate, 0},
		"Prevent, edited": {func(s *situation) {
			s.desired.Drift, s.live.Signature, s.settled = v1alpha1.DriftPolicyPrevent, other, 6
		}, repair, 0},
		"only created, edited":           {func(s *situation) { s.desired.CreateOnly, s.live.Signature, s.settled = true, other, 6 }, nothing, 0},
		"only created, made by another":  {func(s *situation) { s.desired.CreateOnly, s.live.UID = true, "other" }, nothing, 0},
		"only created, fields added":     {func(s *situation) { s.desired.CreateOnly, s.live.Extra = true, added }, nothing, 0},
		"only created, deleted":          {func(s *situation) { s.desired.CreateOnly = true; gone(s) }, recreate, 0},
		"deleted":                        {gone, recreate, 0},
		"deleted, marked":                {func(s *situation) { s.desired.Once = true; gone(s) }, nothing, 0},
		"a Job deleted after it ran":     {func(s *situation) { s.desired.Finishing, s.ran = true, true; gone(s) }, nothing, 0},
		"a Job deleted before it ran":    {func(s *situation) { s.desired.Finishing = true; gone(s) }, recreate, 0},
		"gone with its namespace":        {func(s *situation) { s.vanished = true; gone(s) }, nothing, 0},
		"scaled by its autoscaler":       {func(s *situation) { s.live.Signature, s.live.Yielded = other, applied }, nothing, 0},
		"autoscaler and somebody else":   {func(s *situation) { s.live.Signature, s.live.Yielded, s.settled = other, yielded, 6 }, repair, 0},
		"paused":                         {func(s *situation) { s.live.Signature, s.live.Pause = other, "2026-01-01T13:00:00Z" }, hold, time.Hour},
		"pause over":                     {func(s *situation) { s.live.Signature, s.live.Pause, s.settled = other, "2026-01-01T11:00:00Z", 6 }, repair, 0},
		"pause too long":                 {func(s *situation) { s.live.Signature, s.live.Pause, s.settled = other, "2026-02-01T11:00:00Z", 6 }, repair, 0},
		"pause malformed":                {func(s *situation) { s.live.Signature, s.live.Pause, s.settled = other, "tomorrow", 6 }, repair, 0},
		"all paused, deleted":            {func(s *situation) { s.pause = apply.Pause{Until: now.Add(time.Minute)}; gone(s) }, hold, time.Minute},
		"contested":                      {func(s *situation) { s.live.Signature, s.contest, s.settled = other, fought, 6 }, wait, 2 * firstWait},
		"contested deletion":             {func(s *situation) { s.contest = fought; gone(s) }, wait, 2 * firstWait},
		"generation moved":               {func(s *situation) { s.live.Generation = 8 }, probe, 0},
		"generation moved, just probed":  {func(s *situation) { s.live.Generation, s.probed = 8, now.Add(-time.Second) }, nothing, probeEvery - time.Second},
		"fields added":                   {func(s *situation) { s.live.Extra = added }, inspect, 0},
		"fields added, looked into":      {func(s *situation) { s.live.Extra, s.inspected = added, added }, nothing, 0},
		"fields added, of no concern":    {func(s *situation) { s.live.Extra, s.extraFields = added, v1alpha1.ExtraFieldsKeep }, nothing, 0},
		"fields added, generation moved": {func(s *situation) { s.live.Extra, s.live.Generation, s.probed = added, 8, now }, inspect, probeEvery},
	} {
		t.Run(name, func(t *testing.T) {
			s := situation{
				desired: &apply.Desired{Drift: v1alpha1.DriftPolicyEnforce}, uid: "u", signature: applied, exists: true, settled: 7,
				live:    ownership.Facts{UID: "u", Signature: applied, Generation: 7},
				contest: &contest{}, extraFields: v1alpha1.ExtraFieldsReport, longestPause: 24 * time.Hour,
			}
			test.change(&s)
			got := s.decide(now)
			again := time.Duration(0)
			if !got.again.IsZero() {
				again = got.again.Sub(now)
			}
			if got.do != test.want || again != test.again {
				t.Errorf("action %d again after %s; want %d after %s", got.do, again, test.want, test.again)
			}
		})
	}
}
