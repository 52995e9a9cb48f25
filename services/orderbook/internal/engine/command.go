package engine

import ordersv1 "fondaco.dev/proto/orders/v1"

// Op is what a command asks for.
type Op uint8

// Ops; OpBad is a command that cannot be decoded.
const (
	OpBad Op = iota
	OpNew
	OpCancel
	OpAmend
	OpReplace // Command names the old order, Second is the new one
	OpPair    // Command is the first leg, Second the second
	OpCancelAll
	OpKeepAlive
	OpDeposit
	OpWithdraw
	OpAddAsset
	OpAddMarket
	OpSetPhase
	OpSetLimits
	OpDelist
	OpActivate
	OpAcceptTime
	OpTick
)

// Command is one command of a pack, flat: which fields mean something depends
// on Op. Enumerations hold their proto numbers; one that does not fit a byte is
// 255, which none is. Slices belong to the caller and are read only within Do.
type Command struct {
	Op        Op
	Side      uint8
	Type      uint8
	TIF       uint8
	SelfTrade uint8
	Malformed uint8
	PostOnly  bool
	Market    uint32
	Account   uint64
	OrderID   uint64 // cancel, amend, replace
	Ref       uint64
	ClientID  []byte
	Price     int64 // ticks
	Quantity  int64 // lots
	Ext       *Terms
	Second    *Command
	Admin     *Admin
}

// Terms are what few orders have; zero is none. See orders.v1.NewOrder.
type Terms struct {
	Budget     int64 // quote units, fee included
	Protection int64 // ticks
	Trigger    int64 // ticks
	Trail      int64 // ticks
	Display    int64 // lots
	MinLots    int64
	ExpiresMs  int64 // Unix milliseconds of stream time
}

// Admin holds the fields of commands that are neither orders nor cancels.
type Admin struct {
	Name      []byte // asset: of deposits, withdrawals, AddAsset; symbol: of AddMarket
	ID        []byte // deposit or withdrawal
	Amount    int64
	Scale     uint32
	Base      []byte
	Quote     []byte
	Tick      int64
	Lot       int64
	MakerPPM  int64
	TakerPPM  int64
	DayEndsMs int64
	OneSide   bool
	Limits    Limits
	Phase     uint8
	EndsAtMs  int64
	ThenPhase uint8
	Semantics uint32
	TimeoutMs int64
}

// Limits of a market; 0 = none. See orders.v1.Limits.
type Limits struct {
	MinLots     int64
	MaxLots     int64
	MinNotional int64
	MaxNotional int64
	CollarPPM   int64
	PausePPM    int64
	PauseMs     int64
	Reference   int64 // ticks
}

// Numbers of the proto enumerations in a byte.
const (
	buy  = uint8(ordersv1.Side_SIDE_BUY)
	sell = uint8(ordersv1.Side_SIDE_SELL)

	typeLimit           = uint8(ordersv1.OrderType_ORDER_TYPE_LIMIT)
	typeMarket          = uint8(ordersv1.OrderType_ORDER_TYPE_MARKET)
	typeStop            = uint8(ordersv1.OrderType_ORDER_TYPE_STOP)
	typeStopLimit       = uint8(ordersv1.OrderType_ORDER_TYPE_STOP_LIMIT)
	typeTakeProfit      = uint8(ordersv1.OrderType_ORDER_TYPE_TAKE_PROFIT)
	typeTakeProfitLimit = uint8(ordersv1.OrderType_ORDER_TYPE_TAKE_PROFIT_LIMIT)
	typeTrailingStop    = uint8(ordersv1.OrderType_ORDER_TYPE_TRAILING_STOP)

	tifNone = uint8(ordersv1.TimeInForce_TIME_IN_FORCE_UNSPECIFIED)
	tifGTC  = uint8(ordersv1.TimeInForce_TIME_IN_FORCE_GTC)
	tifIOC  = uint8(ordersv1.TimeInForce_TIME_IN_FORCE_IOC)
	tifFOK  = uint8(ordersv1.TimeInForce_TIME_IN_FORCE_FOK)
	tifGTD  = uint8(ordersv1.TimeInForce_TIME_IN_FORCE_GTD)
	tifDay  = uint8(ordersv1.TimeInForce_TIME_IN_FORCE_DAY)

	selfDefault     = uint8(ordersv1.SelfTrade_SELF_TRADE_UNSPECIFIED)
	selfNone        = uint8(ordersv1.SelfTrade_SELF_TRADE_NONE)
	selfCancelTaker = uint8(ordersv1.SelfTrade_SELF_TRADE_CANCEL_TAKER)
	selfCancelMaker = uint8(ordersv1.SelfTrade_SELF_TRADE_CANCEL_MAKER)
	selfCancelBoth  = uint8(ordersv1.SelfTrade_SELF_TRADE_CANCEL_BOTH)
	selfDecrement   = uint8(ordersv1.SelfTrade_SELF_TRADE_DECREMENT)

	phaseContinuous = uint8(ordersv1.Phase_PHASE_CONTINUOUS)
	phaseHalted     = uint8(ordersv1.Phase_PHASE_HALTED)
	phaseCancelOnly = uint8(ordersv1.Phase_PHASE_CANCEL_ONLY)
	phasePostOnly   = uint8(ordersv1.Phase_PHASE_POST_ONLY)
	phaseAuction    = uint8(ordersv1.Phase_PHASE_AUCTION)
	phaseDelisted   = uint8(ordersv1.Phase_PHASE_DELISTED)

	statusOpen     = uint8(ordersv1.OrderStatus_ORDER_STATUS_OPEN)
	statusPartly   = uint8(ordersv1.OrderStatus_ORDER_STATUS_PARTIALLY_FILLED)
	statusFilled   = uint8(ordersv1.OrderStatus_ORDER_STATUS_FILLED)
	statusCanceled = uint8(ordersv1.OrderStatus_ORDER_STATUS_CANCELED)
	statusRejected = uint8(ordersv1.OrderStatus_ORDER_STATUS_REJECTED)
	statusExpired  = uint8(ordersv1.OrderStatus_ORDER_STATUS_EXPIRED)
	statusWaiting  = uint8(ordersv1.OrderStatus_ORDER_STATUS_WAITING)
)

// reason is a reject in a byte; ok is none.
type reason uint8

const (
	ok                = reason(ordersv1.RejectReason_REJECT_REASON_UNSPECIFIED)
	rejUnknownMarket  = reason(ordersv1.RejectReason_REJECT_REASON_UNKNOWN_MARKET)
	rejBadTick        = reason(ordersv1.RejectReason_REJECT_REASON_BAD_TICK)
	rejBadLot         = reason(ordersv1.RejectReason_REJECT_REASON_BAD_LOT)
	rejBadPrice       = reason(ordersv1.RejectReason_REJECT_REASON_BAD_PRICE)
	rejBadQuantity    = reason(ordersv1.RejectReason_REJECT_REASON_BAD_QUANTITY)
	rejInsufficient   = reason(ordersv1.RejectReason_REJECT_REASON_INSUFFICIENT_BALANCE)
	rejUnknownOrder   = reason(ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ORDER)
	rejConflict       = reason(ordersv1.RejectReason_REJECT_REASON_CONFLICT)
	rejStale          = reason(ordersv1.RejectReason_REJECT_REASON_STALE)
	rejHalted         = reason(ordersv1.RejectReason_REJECT_REASON_HALTED)
	rejUnknownAsset   = reason(ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ASSET)
	rejBadCommand     = reason(ordersv1.RejectReason_REJECT_REASON_BAD_COMMAND)
	rejNotAllowed     = reason(ordersv1.RejectReason_REJECT_REASON_NOT_ALLOWED)
	rejOverflow       = reason(ordersv1.RejectReason_REJECT_REASON_OVERFLOW)
	rejUnknownAccount = reason(ordersv1.RejectReason_REJECT_REASON_UNKNOWN_ACCOUNT)
	rejAlreadyDone    = reason(ordersv1.RejectReason_REJECT_REASON_ALREADY_DONE)
	rejWouldTake      = reason(ordersv1.RejectReason_REJECT_REASON_WOULD_TAKE)
	rejOutsideCollar  = reason(ordersv1.RejectReason_REJECT_REASON_OUTSIDE_COLLAR)
	rejBelowMinimum   = reason(ordersv1.RejectReason_REJECT_REASON_BELOW_MINIMUM)
	rejAboveMaximum   = reason(ordersv1.RejectReason_REJECT_REASON_ABOVE_MAXIMUM)
	rejBadTrigger     = reason(ordersv1.RejectReason_REJECT_REASON_BAD_TRIGGER)
	rejBadDisplay     = reason(ordersv1.RejectReason_REJECT_REASON_BAD_DISPLAY)
	rejBadExpiry      = reason(ordersv1.RejectReason_REJECT_REASON_BAD_EXPIRY)
	rejPhase          = reason(ordersv1.RejectReason_REJECT_REASON_PHASE)
	rejOneSide        = reason(ordersv1.RejectReason_REJECT_REASON_ONE_SIDE)
	rejDuplicate      = reason(ordersv1.RejectReason_REJECT_REASON_DUPLICATE)
	rejUnprotected    = reason(ordersv1.RejectReason_REJECT_REASON_UNPROTECTED)
	rejBadVersion     = reason(ordersv1.RejectReason_REJECT_REASON_BAD_VERSION)
	lastReject        = rejBadVersion
)

// cause is why an order was canceled.
type cause = uint8

const (
	causeRequested       = cause(ordersv1.CancelReason_CANCEL_REASON_REQUESTED)
	causeIOC             = cause(ordersv1.CancelReason_CANCEL_REASON_IOC_REMAINDER)
	causeMarketRemainder = cause(ordersv1.CancelReason_CANCEL_REASON_MARKET_REMAINDER)
	causeFOK             = cause(ordersv1.CancelReason_CANCEL_REASON_FOK_UNFILLABLE)
	causeSelfTrade       = cause(ordersv1.CancelReason_CANCEL_REASON_SELF_TRADE)
	causeMinQuantity     = cause(ordersv1.CancelReason_CANCEL_REASON_MIN_QUANTITY)
	causeOtherLeg        = cause(ordersv1.CancelReason_CANCEL_REASON_OTHER_LEG)
	causeReplaced        = cause(ordersv1.CancelReason_CANCEL_REASON_REPLACED)
	causeDeadMan         = cause(ordersv1.CancelReason_CANCEL_REASON_DEAD_MAN)
	causeExpired         = cause(ordersv1.CancelReason_CANCEL_REASON_EXPIRED)
	causeDelisted        = cause(ordersv1.CancelReason_CANCEL_REASON_DELISTED)
	causeByAdmin         = cause(ordersv1.CancelReason_CANCEL_REASON_BY_ADMIN)
	causeCollar          = cause(ordersv1.CancelReason_CANCEL_REASON_COLLAR)
	causeBudget          = cause(ordersv1.CancelReason_CANCEL_REASON_BUDGET)
	causePaused          = cause(ordersv1.CancelReason_CANCEL_REASON_PAUSED)
	causeNotPlaced       = cause(ordersv1.CancelReason_CANCEL_REASON_NOT_PLACED)
)
