"""Frames as the exchange writes them, from its reference, with the awkward spellings of its numbers."""

ORDER_EVENT = (
    b'{"type":"myOrder","code":"KRW-BTC","uuid":"7c24","ask_bid":"BID","order_type":"limit","state":"trade",'
    b'"trade_uuid":"6831","price":116538000,"avg_price":1.16538E8,"volume":0.0001,"remaining_volume":0.0002,'
    b'"executed_volume":0.0001,"trades_count":1,"reserved_fee":17.4807,"remaining_fee":11.6538,"paid_fee":5.8269,'
    b'"locked":23319.2538,"executed_funds":11653.8,"time_in_force":null,"trade_fee":5.8269,"is_maker":true,'
    b'"identifier":"bot1","smp_type":"cancel_maker","prevented_volume":0,"prevented_locked":0,'
    b'"trade_timestamp":1795327463512,"order_timestamp":1795327445000,"timestamp":1795327463530,'
    b'"stream_type":"REALTIME"}'
)
ASSETS = (
    b'{"type":"myAsset","asset_uuid":"e635f223-1609-4969-8fb6-4376937baad6","assets":[{"currency":"KRW",'
    b'"balance":1386929.37231066771348207123,"locked":10329.67012706}],"asset_timestamp":1795327463518,'
    b'"timestamp":1795327463560,"stream_type":"REALTIME"}'
)
BOOK = (
    b'{"type":"orderbook","code":"KRW-BTC","timestamp":1795327199106,"total_ask_size":2.5,"total_bid_size":1.6,'
    b'"orderbook_units":[{"ask_price":1.45879E8,"bid_price":1.45878E8,"ask_size":0.02054761,"bid_size":0.08120946},'
    b'{"ask_price":1.45881E8,"bid_price":0,"ask_size":0.00077720,"bid_size":0.0}],"stream_type":"SNAPSHOT","level":0}'
)
SIMPLE_BOOK = (
    b'{"ty":"orderbook","cd":"KRW-BTC","tms":1795327199106,"tas":2.5,"tbs":1.6,"obu":['
    b'{"ap":145879000,"bp":145878000,"as":0.02054761,"bs":0.08120946},'
    b'{"ap":145881000,"bp":0,"as":7.772E-4,"bs":0}],"st":"SNAPSHOT","lv":0}'
)
TICKER = (
    b'{"type":"ticker","code":"KRW-BTC","opening_price":1.449E8,"high_price":1.461E8,"low_price":1.445E8,'
    b'"trade_price":1.45878E8,"prev_closing_price":1.449E8,"acc_trade_price":9.321120441151E10,"change":"RISE",'
    b'"change_price":978000.0,"signed_change_price":978000.0,"change_rate":0.0067494824,'
    b'"signed_change_rate":0.0067494824,"ask_bid":"BID","trade_volume":0.00102831,"acc_trade_volume":641.88120192,'
    b'"trade_date":"20261122","trade_time":"055958","trade_timestamp":1795327198842,"acc_ask_volume":300.1,'
    b'"acc_bid_volume":341.78120192,"highest_52_week_price":1.79869E8,"highest_52_week_date":"2026-02-09",'
    b'"lowest_52_week_price":9.65E7,"lowest_52_week_date":"2026-06-30","market_state":"ACTIVE",'
    b'"is_trading_suspended":false,"delisting_date":null,"market_warning":"NONE","timestamp":1795327198901,'
    b'"acc_trade_price_24h":2.1093441002093E11,"acc_trade_volume_24h":1449.01920017,"stream_type":"REALTIME"}'
)
TRADE = (
    b'{"type":"trade","code":"KRW-BTC","timestamp":1795327198871,"trade_date":"2026-11-22","trade_time":"05:59:58",'
    b'"trade_timestamp":1795327198842,"trade_price":1.45878E8,"trade_volume":0.00102831,"ask_bid":"BID",'
    b'"prev_closing_price":1.449E8,"change":"RISE","change_price":978000.0,"sequential_id":17953271988420000,'
    b'"best_ask_price":1.45879E8,"best_ask_size":0.02054761,"best_bid_price":1.45878E8,"best_bid_size":0.08120946,'
    b'"stream_type":"REALTIME"}'
)
CANDLE = (
    b'{"type":"candle.1m","code":"KRW-BTC","candle_date_time_utc":"2026-11-22T05:59:00",'
    b'"candle_date_time_kst":"2026-11-22T14:59:00","opening_price":1.4585E8,"high_price":1.45881E8,'
    b'"low_price":1.4585E8,"trade_price":1.45878E8,"candle_acc_trade_volume":1.28830711,'
    b'"candle_acc_trade_price":1.8790211034881E8,"timestamp":1795327198901,"stream_type":"REALTIME"}'
)
ANNOUNCEMENT = (
    '{"type":"announcement","event_type":"CREATED","uuid":"4711","title":"점검 안내","category":"maintenance",'
    '"url":"https://upbit.com/service_center/notice?id=4711","first_listed_at":"2026-11-22T15:00:00+09:00",'
    '"listed_at":"2026-11-22T15:00:00+09:00","body":null,"timestamp":1795327200000,"stream_type":"REALTIME"}'
).encode()
SUBSCRIPTIONS = (
    b'{"method":"LIST_SUBSCRIPTIONS","result":[{"type":"ticker","codes":["KRW-BTC"]},'
    b'{"type":"orderbook","codes":["KRW-BTC"],"level":0}],"ticket":"x"}'
)
STATUS = b'{"status":"UP"}'
ERROR = '{"error":{"name":"WRONG_FORMAT","message":"Format 이 맞지 않습니다."}}'.encode()
EVERY = {
    "myOrder": ORDER_EVENT,
    "myAsset": ASSETS,
    "orderbook": BOOK,
    "ticker": TICKER,
    "trade": TRADE,
    "candle.1m": CANDLE,
    "announcement": ANNOUNCEMENT,
    "LIST_SUBSCRIPTIONS": SUBSCRIPTIONS,
    "status": STATUS,
    "error": ERROR,
}
"""One frame of each type in the DEFAULT format."""
