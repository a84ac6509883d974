package drift

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"nopea.io/nopea/pkg/apis/nopea/v1alpha1"
	"nopea.io/nopea/pkg/apply"
	"nopea.io/nopea/pkg/ownership"
)

// probeEvery is how often at most one object is compared by a dry run because its generation moved.
const probeEvery = time.Minute

// action is what is to be done about an object.
type action int

const (
	// nothing: it is as Git has it, or none of the keeper's business.
	nothing action = iota
	// repair: apply it.
	repair
	// recreate: apply it if there is none of its name.
	recreate
	// confirm: its ownership moved and its spec did not: a dry run tells whether anything has to be put back.
	confirm
	// probe: a dry run tells whether it is as Git has it.
	probe
	// tolerate: it is not as Git has it, and is left so.
	tolerate
	// show: it is not as it was applied, and what Git holds is not known now.
	show
	// hold: a pause holds it, until then.
	hold
	// wait: somebody else writes it again and again; it is put back at the given time.
	wait
	// inspect: it is as Git has it, and holds fields that others added.
	inspect
)

// verdict is an action, and when it is to be looked at again; the zero time when an event tells.
type verdict struct {
	do    action
	again time.Time
}

// situation is all that decides on an object.
type situation struct {
	desired *apply.Desired // nil when Git does not hold it, or is not known
	// uid and signature as they were recorded when it was applied; no uid when it never was.
	uid       types.UID
	signature ownership.Digest
	live      ownership.Facts
	exists    bool

	// suspect: an event showed that it was not as applied, whatever it is now.
	suspect bool
	// ran: it was deleted after it had run to its end.
	ran bool
	// vanished: it went with its namespace.
	vanished bool
	// probed is when it was last compared by a dry run.
	probed time.Time
	// inspected are the extra fields that were looked into already.
	inspected ownership.Digest
	// settled is the generation at which it was last found to be as Git has it.
	settled int64
	contest *contest

	// suspended: its GitRepository is. sourceless: what Git holds is not known.
	suspended, sourceless bool
	// extraFields says what is done about fields that others added.
	extraFields v1alpha1.ExtraFields
	// pause of its GitRepository, and the longest one that counts.
	pause        apply.Pause
	longestPause time.Duration
}

// decide says what to do about an object. It is pure.
func (s *situation) decide(now time.Time) verdict {
	if s.uid == "" || s.suspended {
		return verdict{do: nothing} // never applied, or not to be touched
	}
	if s.desired == nil {
		if s.sourceless && (!s.exists || s.differs()) {
			return verdict{do: show}
		}
		return verdict{do: nothing}
	}
	if pause := s.pauseAt(now); pause.Holds(now) {
		return verdict{do: hold, again: pause.Until}
	}
	if !s.exists {
		return s.decideOnGone(now)
	}
	switch {
	case s.live.Deleting:
		return verdict{do: nothing} // it is created again once it is gone
	case s.desired.CreateOnly:
		return verdict{do: nothing} // what others make of it is theirs
	case s.differs() || s.suspect:
		return s.decideOnChanged(now)
	}
	// Nothing that NOPEA holds was taken. Other fields may have been added, and a list put into another order.
	var again time.Time
	if s.live.Generation != s.settled {
		again = later(s.probed.Add(probeEvery), now)
	}
	switch {
	case s.hasExtras() && s.live.Extra != s.inspected:
		return verdict{do: inspect, again: again}
	case again.Equal(now):
		return verdict{do: probe}
	}
	return verdict{do: nothing, again: again}
}

// hasExtras tells whether there are fields that others added, and that matters.
func (s *situation) hasExtras() bool {
	return s.exists && s.live.Extra != (ownership.Digest{}) && s.extraFields != v1alpha1.ExtraFieldsKeep
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pauseAt is the pause that holds the object longest.
func (s *situation) pauseAt(now time.Time) apply.Pause {
	return s.pause.Later(apply.ReadPause(s.live.Pause, now, s.longestPause))
}

func (s *situation) decideOnGone(now time.Time) verdict {
	switch {
	case s.vanished, s.desired.Once, s.desired.Finishing && s.ran:
		return verdict{do: nothing}
	case s.desired.Tolerated():
		return verdict{do: tolerate}
	}
	if at, contested := s.contest.next(now); contested {
		return verdict{do: wait, again: at}
	}
	return verdict{do: recreate}
}

func (s *situation) decideOnChanged(now time.Time) verdict {
	if s.desired.Tolerated() {
		return verdict{do: tolerate}
	}
	if at, contested := s.contest.next(now); contested {
		return verdict{do: wait, again: at}
	}
	if s.live.UID == s.uid && s.live.Generation > 0 && s.live.Generation == s.settled && s.live.Signature != (ownership.Digest{}) {
		return verdict{do: confirm}
	}
	return verdict{do: repair}
}

// differs tells whether it is another object than the one that was applied, or one of whose fields NOPEA has lost some.
func (s *situation) differs() bool {
	none := ownership.Digest{}
	return s.live.UID != s.uid || s.live.Signature == none || s.signature != s.live.Signature && !s.yields()
}

// yields tells whether the object differs from what was applied in nothing but what its rightful controller took.
func (s *situation) yields() bool {
	return s.exists && s.live.Yielded != (ownership.Digest{}) && s.signature == s.live.Yielded
}
