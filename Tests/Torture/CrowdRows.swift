extension Row { static let crowdRows: [Row] = [] }
